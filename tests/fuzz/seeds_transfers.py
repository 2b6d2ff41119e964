# SPDX-License-Identifier: Apache-2.0
"""The seeds of tftp and http, for seeds.py."""
import struct


# --- tftp: a server that speaks datagrams

def tftp(seed):
    """`seed` takes a name and bytes."""
    def data(number, content):
        return struct.pack(">HH", 3, number & 0xffff) + content

    def datagram(content, sender=0, delay=1):
        return struct.pack("<BBH", sender, delay, len(content)) + content

    def session(name, *events, flags=0, memory=4096, block=1468, window=4):
        seed(name, struct.pack("<BHHB", flags, memory, block, window) + b"".join(events))

    tick = b"\4\xff"
    agreed = b"\0\6blksize\0008\0windowsize\0004\0tsize\00019\0timeout\0001\0"
    blocks = [data(1, b"12345678"), data(2, b"abcdefgh"), data(3, b"end")]
    session("plain", datagram(data(1, bytes(512))), datagram(data(2, b"end")))
    session("without_options", datagram(data(1, b"short")), flags=2)
    session("options", *map(datagram, [agreed] + blocks))
    session("refused", datagram(b"\0\5\0\10no options\0"), datagram(data(1, b"short")))
    session("error", datagram(b"\0\5\0\1File not found\0"), tick)
    session("forged_error", datagram(b"\0\5\0\1File not found\0"), *map(datagram, [agreed] + blocks))
    session("too_slow", datagram(data(1, bytes(512))), flags=8)
    session("harmless_options", datagram(b"\0\6timeout\0005\0tsize\000-1\0"), datagram(data(1, b"end")))
    session("repeats", *[datagram(agreed, 0, 99)] * 6)
    # From block 65535 to block 1 is too far for a seed: acknowledgements of what is missing, then.
    session("gap_again", datagram(agreed), *[datagram(blocks[1])] * 5, *map(datagram, blocks))
    session("strangers", datagram(agreed), datagram(blocks[0], 1), datagram(blocks[0], 2), *map(datagram, blocks))
    session("loss", datagram(agreed), datagram(blocks[0]), datagram(blocks[2]), tick, datagram(blocks[0], 0, 99),
            datagram(blocks[1]), datagram(blocks[2]))
    session("too_large", datagram(agreed.replace(b"19", b"4097")))
    session("full", *[datagram(data(i, bytes(512))) for i in range(1, 10)], memory=1000)
    session("silence", *[tick] * 8)
    acks = [struct.pack(">HH", 4, i) for i in range(6)]
    session("write", *map(datagram, acks[:4]), flags=3, memory=1030)
    session("write_window", datagram(agreed.replace(b"19", b"33")), *map(datagram, acks[1:2] * 3 + acks[4:]), tick, flags=1, memory=33)


# --- http: a server that speaks a stream

def http(seed):
    def download(name, *connections, memory=64):
        seed(name, struct.pack("<H", memory) + b"".join(
            struct.pack("<BH", end, len(text)) + text for end, text in connections))

    def answer(status, *fields, body=b"", end=1):
        return end, b"\r\n".join([b"HTTP/1.1 " + status, *fields, b"", b""]) + body

    half = answer(b"200 OK", b'ETag: "1"', b"Content-Length: 10", body=b"01234", end=0)
    download("length", answer(b"200 OK", b"Content-Length: 5", body=b"hello"))
    download("chunks", answer(b"200 OK", b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n"))
    download("until_end", answer(b"200 OK", body=b"hello"))
    download("resumed", half, answer(b"206 Partial Content", b'ETag: "1"', b"Content-Range: bytes 5-9/10", b"Content-Length: 5", body=b"56789"))
    download("another_version", half, answer(b"206 Partial Content", b'ETag: "2"', b"Content-Range: bytes 5-9/10", body=b"56789"),
             answer(b"200 OK", b"Content-Length: 6", body=b"abcdef"))
    dates = (b"Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT", b"Date: Sun, 06 Nov 1994 09:49:37 GMT")
    download("dates", answer(b"200 OK", *dates, b"Content-Length: 10", body=b"01234", end=0),
             answer(b"206 Partial Content", *dates, b"Content-Range: bytes 5-9/10", body=b"56789"))
    download("refused_rest", half, answer(b"416 No", b"Content-Range: bytes */4", b"Content-Length: 0"), answer(b"200 OK", body=b"abcd"))
    download("encoded", answer(b"200 OK", b"Content-Encoding: gzip", b"Content-Type: multipart/byteranges", body=b"hello"))
    download("folded", answer(b"200 OK", b"X: a", b"\tb", b"Content-Length:", b" 5", body=b"hello"))
    download("dots", answer(b"302 Found", b"Location: ../a/./b/..?../c"), answer(b"200 OK", body=b"hello"))
    download("begun_anew", half, answer(b"200 OK", b"Content-Length: 6", body=b"abcdef"))
    download("lost_twice", half, half)
    download("redirects", *[answer(b"302 Found", b"Location: " + place) for place in
                            (b"/a", b"b?c", b"//[fd00::1]:81/d", b"http://10.0.0.1/e#f", b"?g")], answer(b"200 OK", body=b"hello"))
    download("loop", answer(b"301 Moved", b"Location: /a"), answer(b"301 Moved", b"Location: file"))
    download("interim", (1, b"HTTP/1.1 100 Continue\n\n" + answer(b"200 OK", b"Content-Length: 2", body=b"ok")[1]))
    download("not_found", answer(b"404 Not Found", b"Content-Length: 2", body=b"no"))
    download("contradiction", answer(b"200 OK", b"Content-Length: 5", b"Content-Length: 6", body=b"hello"))
    download("too_large", answer(b"200 OK", b"Content-Length: 18446744073709551615"))
