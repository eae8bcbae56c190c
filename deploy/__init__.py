"""What an operator needs to run Pendler: topics, engines, images."""
