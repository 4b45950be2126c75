// Bodies without a length: chunked, or ended by the close of the connection.
