"""What joins the frameworks that train; each module imports its own framework, and only itself."""
