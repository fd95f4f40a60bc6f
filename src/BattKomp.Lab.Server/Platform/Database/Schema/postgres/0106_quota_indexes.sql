-- A quota asks what ends after its period begins: mostly the last few rows of a subject, where by start it was all of its past.
DROP INDEX bookings_of_holder;
DROP INDEX bookings_of_organisation;
DROP INDEX bookings_of_cohort;
CREATE INDEX bookings_of_holder ON bookings (holder, end_us);
CREATE INDEX bookings_of_organisation ON bookings (organisation, end_us);
CREATE INDEX bookings_of_cohort ON bookings (cohort, end_us) WHERE cohort <> '';
