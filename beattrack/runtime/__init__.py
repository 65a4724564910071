"""What every part uses: files, worker processes, progress, records."""
