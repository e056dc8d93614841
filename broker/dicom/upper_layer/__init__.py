"""Associations, on sockets of our own: PDUs and messages as DICOM writes them (PS3.7, PS3.8).

Why it is so, by figures of `tests/bench`:

- pynetdicom writes and reads the PDUs of associations (`associate_pdus`), where all the variety of
  proposals is, and there are two for each film. Its threads are not used: its reactor polls (100
  idle associations take more than a core), and takes answers that another thread waits for. Its
  codecs of P-DATA and of command sets hold whole messages, and there are a dozen for each film:
  those are `message` and `command_set`.
- One thread for each association, on reads that block. A modality asks one thing at a time, so
  there is nothing to interleave; a connection without an association has no thread
  (`pending`). An event loop would save threads, which are not what limits us, and put each fsync on
  a thread again.
- A requestor reads its own answers (`requestor`): no other thread can take them.
- The handler of a request pulls the data set from its association (`dataset_reader`), and pixels go
  from the socket to where it wants them, and from their source to the socket (`dataset`), in
  pieces: no process ever holds an image.
- The TLS handshake of a connection without an association goes on in steps that never wait (`tls`):
  one that is slow keeps no other waiting.
- One process. What limits it is Python running one thread at a time; turns keep what goes out from
  waiting for what comes in (`Turns` of the Print SCP). A second process for what comes in was
  measured instead of turns: 13 to 21 % more films a minute on two cores, no more than turns give.
"""
