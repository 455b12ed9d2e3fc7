package httpserver

import (
	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
)

// setSecurityHeaders sets the headers of every response.
func setSecurityHeaders(ctx *fasthttp.RequestCtx, requestID string) {
	h := &ctx.Response.Header
	h.Set(fiber.HeaderXRequestID, requestID)
	for name, value := range securityHeaders {
		h.Set(name, value)
	}
}

// securityHeaders prevent browsers from storing, framing, sniffing and executing responses.
var securityHeaders = map[string]string{
	fiber.HeaderCacheControl:          "no-store",
	fiber.HeaderContentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
	fiber.HeaderXContentTypeOptions:   "nosniff",
	fiber.HeaderXFrameOptions:         "DENY",
	fiber.HeaderReferrerPolicy:        "no-referrer",
	"Cross-Origin-Resource-Policy":    "same-origin",
}

// requestHeaders are the request headers that affect the service and that a page may set. The CORS preflight response
// allows them. TestCORSNamesEveryHeader fails if the code reads a header that is missing here.
var requestHeaders = []string{
	fiber.HeaderAccept, fiber.HeaderAuthorization, fiber.HeaderContentEncoding, fiber.HeaderContentType,
	"Idempotency-Key", fiber.HeaderIfMatch, fiber.HeaderIfNoneMatch, "Prefer", "traceparent", "tracestate",
	fiber.HeaderUserAgent, fiber.HeaderXRequestID,
}

// responseHeaders are the response headers that a page may read, in addition to those that browsers always expose.
var responseHeaders = []string{
	fiber.HeaderAllow, fiber.HeaderETag, "Idempotent-Replayed", fiber.HeaderLink, fiber.HeaderLocation,
	"Preference-Applied", fiber.HeaderRetryAfter, fiber.HeaderWarning, fiber.HeaderWWWAuthenticate,
	fiber.HeaderXRequestID, "X-Total-Count", "X-Total-Count-Relation",
}
