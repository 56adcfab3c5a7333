"""What the program asks of the machine: files, locks, addresses, pictures, random numbers."""
