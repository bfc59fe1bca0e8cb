"""The plugins: built from the C++ sources in `plugins/`, and put where hosts look for them."""
