"""What takes room on the disk: counting, forecasting, pinning, cleaning up."""
