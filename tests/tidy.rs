//! Checks the house rules that the compiler cannot.
