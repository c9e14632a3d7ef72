"""What `make dist` builds and `make install` puts where."""
