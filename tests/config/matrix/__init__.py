"""The permission matrix: who may do what at which address, as tables that people read and tests ask."""
