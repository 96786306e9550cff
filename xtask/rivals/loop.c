/* The lower bound of everything that reads a capture file by libpcap: it looks at each packet and does nothing. */
#include <pcap/pcap.h>
#include <stdio.h>

int main(int count, char **arguments)
{
    char error[PCAP_ERRBUF_SIZE] = "give a capture file";
    pcap_t *capture = count == 2 ? pcap_open_offline(arguments[1], error) : NULL;
    struct pcap_pkthdr *header;
    const u_char *bytes;
    unsigned long packets = 0, length = 0, sum = 0;

    if (capture == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    while (pcap_next_ex(capture, &header, &bytes) == 1) {
        packets++;
        length += header->caplen;
        sum += bytes[0];
    }
    printf("%lu packets, %lu bytes, sum %lu\n", packets, length, sum);
    return 0;
}
