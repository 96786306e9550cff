// What a Go program does with gopacket: its decoders and tcpassembly, and on top the least that reads a
// ClientHello and prints JA4 and JA3, one JSON line each.
package main

import (
	"bufio"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"github.com/google/gopacket/tcpassembly"
)

const mostBytes = 65536

var out = bufio.NewWriterSize(os.Stdout, 1<<16)

type factory struct{}

func (factory) New(network, transport gopacket.Flow) tcpassembly.Stream {
	return &stream{network: network, transport: transport}
}

// One direction of a connection, until its first bytes are a hello or are none.
type stream struct {
	network, transport gopacket.Flow
	bytes              []byte
	done               bool
}

func (s *stream) Reassembled(pieces []tcpassembly.Reassembly) {
	for _, piece := range pieces {
		if s.done {
			return
		}
		if piece.Skip != 0 && len(s.bytes) > 0 {
			s.end()
			return
		}
		s.bytes = append(s.bytes, piece.Bytes...)
		s.look()
	}
}

func (s *stream) ReassemblyComplete() { s.bytes = nil }

func (s *stream) end() {
	s.done = true
	s.bytes = nil
}

// Puts the handshake together from TLS records.
func (s *stream) look() {
	rest := s.bytes
	var handshake []byte
	for {
		if len(rest) >= 1 && rest[0] != 22 || len(rest) >= 2 && rest[1] != 3 || len(s.bytes) > mostBytes {
			s.end()
			return
		}
		if len(rest) < 5 {
			return
		}
		length := number(rest[3:])
		if len(rest) < 5+length {
			return
		}
		handshake = append(handshake, rest[5:5+length]...)
		rest = rest[5+length:]
		if len(handshake) >= 4 && len(handshake) >= 4+(int(handshake[1])<<16|number(handshake[2:])) {
			break
		}
	}
	s.end()
	if handshake[0] == 1 {
		// A hello whose lengths lie.
		defer func() { _ = recover() }()
		s.print(handshake[4:])
	}
}

func (s *stream) print(hello []byte) {
	version := uint16(number(hello))
	at := 34
	at += 1 + int(hello[at])
	length := number(hello[at:])
	ciphers := list(hello[at+2 : at+2+length])
	at += 2 + length
	at += 1 + int(hello[at])
	var extensions, groups, algorithms, versions, formats []uint16
	alpn := ""
	if at+2 <= len(hello) {
		rest := hello[at+2 : at+2+number(hello[at:])]
		for len(rest) >= 4 {
			kind, length := uint16(number(rest)), number(rest[2:])
			body := rest[4 : 4+length]
			rest = rest[4+length:]
			extensions = append(extensions, kind)
			switch kind {
			case 10:
				groups = list(body[2:])
			case 11:
				for _, format := range body[1:] {
					formats = append(formats, uint16(format))
				}
			case 13:
				algorithms = list(body[2:])
			case 16:
				if length > 3 {
					alpn = string(body[3 : 3+int(body[2])])
				}
			case 43:
				versions = list(body[1:])
			}
		}
	}
	fmt.Fprintf(out, "{\"src\":\"%s\",\"sport\":%s,\"dst\":\"%s\",\"dport\":%s,\"ja3_hash\":\"%x\",\"ja4\":\"%s\"}\n",
		s.network.Src(), s.transport.Src(), s.network.Dst(), s.transport.Dst(),
		md5.Sum([]byte(ja3(version, ciphers, extensions, groups, formats))),
		ja4(version, versions, ciphers, extensions, algorithms, alpn))
}

func ja3(version uint16, ciphers, extensions, groups, formats []uint16) string {
	lists := []string{decimal(version)}
	for _, codes := range [][]uint16{ciphers, extensions, groups, formats} {
		lists = append(lists, join(codes, decimal, "-"))
	}
	return strings.Join(lists, ",")
}

func ja4(version uint16, versions, ciphers, extensions, algorithms []uint16, alpn string) string {
	most := uint16(0)
	for _, offered := range without(versions) {
		if offered > most {
			most = offered
		}
	}
	if most > 0 {
		version = most
	}
	names := map[uint16]string{0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10"}
	server := "i"
	var hashed []uint16
	for _, kind := range without(extensions) {
		if kind == 0 {
			server = "d"
		}
		if kind != 0 && kind != 16 {
			hashed = append(hashed, kind)
		}
	}
	ends := "00"
	if alpn != "" {
		ends = alpn[:1] + alpn[len(alpn)-1:]
	}
	sorted := func(codes []uint16) []uint16 {
		copied := append([]uint16{}, codes...)
		sort.Slice(copied, func(i, j int) bool { return copied[i] < copied[j] })
		return copied
	}
	third := join(sorted(hashed), hexadecimal, ",")
	if len(algorithms) > 0 && third != "" {
		third += "_" + join(algorithms, hexadecimal, ",")
	}
	return fmt.Sprintf("t%s%s%02d%02d%s_%s_%s", names[version], server, len(without(ciphers)), len(without(extensions)),
		ends, hash(join(sorted(ciphers), hexadecimal, ",")), hash(third))
}

func isGrease(code uint16) bool { return code&0x0f0f == 0x0a0a && code>>8 == code&0xff }

func without(codes []uint16) (kept []uint16) {
	for _, code := range codes {
		if !isGrease(code) {
			kept = append(kept, code)
		}
	}
	return
}

// Leaves GREASE out, except where it cannot be: formats are bytes, and 0x0a is none of it.
func join(codes []uint16, print func(uint16) string, between string) string {
	var printed []string
	for _, code := range without(codes) {
		printed = append(printed, print(code))
	}
	return strings.Join(printed, between)
}

func decimal(code uint16) string     { return strconv.Itoa(int(code)) }
func hexadecimal(code uint16) string { return fmt.Sprintf("%04x", code) }

func hash(list string) string {
	if list == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(list))
	return hex.EncodeToString(sum[:6])
}

func number(bytes []byte) int { return int(bytes[0])<<8 | int(bytes[1]) }

func list(bytes []byte) (codes []uint16) {
	for at := 0; at+1 < len(bytes); at += 2 {
		codes = append(codes, uint16(number(bytes[at:])))
	}
	return
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: gopacket FILE")
		os.Exit(2)
	}
	file, err := os.Open(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	reader, err := pcapgo.NewReader(bufio.NewReaderSize(file, 1<<20))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var ethernet layers.Ethernet
	var tag layers.Dot1Q
	var v4 layers.IPv4
	var v6 layers.IPv6
	var tcp layers.TCP
	var payload gopacket.Payload
	parser := gopacket.NewDecodingLayerParser(layers.LayerTypeEthernet, &ethernet, &tag, &v4, &v6, &tcp, &payload)
	parser.IgnoreUnsupported = true
	assembler := tcpassembly.NewAssembler(tcpassembly.NewStreamPool(factory{}))
	assembler.MaxBufferedPagesPerConnection = 64
	var decoded []gopacket.LayerType
	for {
		bytes, info, err := reader.ReadPacketData()
		if err != nil {
			break
		}
		if parser.DecodeLayers(bytes, &decoded) != nil {
			continue
		}
		isTCP, isV6 := false, false
		for _, layer := range decoded {
			isTCP = isTCP || layer == layers.LayerTypeTCP
			isV6 = isV6 || layer == layers.LayerTypeIPv6
		}
		if !isTCP {
			continue
		}
		network := v4.NetworkFlow()
		if isV6 {
			network = v6.NetworkFlow()
		}
		assembler.AssembleWithTimestamp(network, &tcp, info.Timestamp)
	}
	assembler.FlushAll()
	out.Flush()
}
