-- An organiser who refunds a booking may keep its seats from sale: they go from sold to blocked.
grant update (blocked) on inventory.stock to boxoffice_inventory;
