//! How long an honest peer waits beside an attack.
