"""The reference backend: the Thanotopolis platform's API, answered as the platform answers it."""
