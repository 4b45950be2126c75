// What a caller sees while a download runs: snapshots, states, disposal and abort signals.
