"""What runs Sigap: images, dashboards, and servers for development."""
