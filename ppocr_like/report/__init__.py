"""What people look at: pictures of samples, bad cases, dictionaries, pages for a browser."""
