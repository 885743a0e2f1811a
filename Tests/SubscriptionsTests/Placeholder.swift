// Tests of Subscriptions.
