-- The series that a booking is an instance of; empty = none. A successor stays in its predecessor's series.
ALTER TABLE bookings ADD COLUMN series TEXT NOT NULL DEFAULT '';
CREATE INDEX bookings_of_series ON bookings (series, start_us) WHERE series <> '';
