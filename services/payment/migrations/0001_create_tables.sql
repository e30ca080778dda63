create table payment.probe (id int);
