// Many downloads in one process leave nothing open behind.
