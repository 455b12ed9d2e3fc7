package httpserver

import "github.com/gofiber/fiber/v2"

// callerHeaders are the request headers that change what the service does and that a page may set. The preflight of the CORS protocol allows
// these; TestCORSNamesEveryHeader fails for one that is read and is not among them.
var callerHeaders = []string{
	fiber.HeaderAccept, fiber.HeaderAuthorization, fiber.HeaderContentEncoding, fiber.HeaderContentType, "Idempotency-Key", fiber.HeaderIfMatch,
	fiber.HeaderIfNoneMatch, "Prefer", "traceparent", "tracestate", fiber.HeaderUserAgent, fiber.HeaderXRequestID,
}

// answerHeaders are the response headers that a page may read, beside those that browsers always show.
var answerHeaders = []string{
	fiber.HeaderAllow, fiber.HeaderETag, "Idempotent-Replayed", fiber.HeaderLink, fiber.HeaderLocation, "Preference-Applied", fiber.HeaderRetryAfter,
	fiber.HeaderWarning, fiber.HeaderWWWAuthenticate, fiber.HeaderXRequestID, "X-Total-Count", "X-Total-Count-Relation",
}
