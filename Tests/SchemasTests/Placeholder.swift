// Tests of Schemas.
