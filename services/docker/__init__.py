"""The container engine of this computer: finding it, its images, its refusals as sentences."""
