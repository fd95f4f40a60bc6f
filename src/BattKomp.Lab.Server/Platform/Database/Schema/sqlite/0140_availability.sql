-- The availability index follows the calendar by new rows and by steps.
CREATE INDEX booking_steps_by_time ON booking_steps (at_us);
CREATE INDEX outages_by_creation ON outages (created_us);
