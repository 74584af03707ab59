//! Support for acceptance tests.
