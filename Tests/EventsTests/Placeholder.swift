// Tests of Events.
