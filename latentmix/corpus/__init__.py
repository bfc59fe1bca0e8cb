"""Corpora: many files, on this machine or in object storage, to shards of records and back; knows no domain."""
