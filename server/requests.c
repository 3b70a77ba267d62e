#include "server/requests.h"

#include "mail/peer.h"
#include "util/frame.h"
#include "util/log.h"
#include "util/stream.h"

void
requests_serve(struct stream *client, size_t max, requests_answer_fn *answer)
{
	struct frame request = FRAME_INIT, reply = FRAME_INIT;

	while (frame_receive(client, &request, max)) {
		if (!answer(&request, &reply)) {
			log_warn("malformed request");
			break;
		}
		frame_send(client, &reply);
		if (!stream_flush(client) || peer_is_ending())
			break;
	}
	frame_done(&request);
	frame_done(&reply);
}
