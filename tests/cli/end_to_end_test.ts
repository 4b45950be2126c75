// The command as a child process.
