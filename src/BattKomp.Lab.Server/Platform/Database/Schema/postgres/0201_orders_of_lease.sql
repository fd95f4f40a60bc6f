CREATE INDEX orders_of_lease ON orders (lease) WHERE lease <> '';
