// Tests of RocksStore.
