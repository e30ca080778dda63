create table inventory.probe (id int);
