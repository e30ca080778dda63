create table reservation.probe (id int);
