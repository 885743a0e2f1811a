// Tests of Tenancy.
