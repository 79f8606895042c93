"""The base models of this computer: what is here, fetching, checking, removing."""
