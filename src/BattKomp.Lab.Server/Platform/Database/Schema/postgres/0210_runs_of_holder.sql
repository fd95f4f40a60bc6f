CREATE INDEX runs_of_holder ON runs (holder, start_us);
