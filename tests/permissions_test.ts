// A download with exactly the permissions the README names.
