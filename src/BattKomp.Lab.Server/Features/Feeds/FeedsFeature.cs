using Microsoft.Net.Http.Headers;

namespace BattKomp.Lab.Server.Features.Feeds;

/// <summary>Registers the slice and its one plain HTTP address.</summary>
public static class FeedsFeature
{
    /// <summary>Feeds and their handler.</summary>
    public static IServiceCollection AddFeeds(this IServiceCollection services) => services.AddSingleton<Feeds>().AddSingleton<FeedReader>();

    /// <summary>GET and HEAD /feeds/{token}.ics. Whatever is wrong with the token, the answer is the same empty 404.</summary>
    public static void MapFeeds(this IEndpointRouteBuilder routes) =>
        routes.MapMethods("/feeds/{token}.ics", [HttpMethods.Get, HttpMethods.Head], async (string token, HttpContext http, FeedReader reader) =>
        {
            var document = await reader.ReadAsync(token, http.RequestAborted);
            if (document is null) return Results.NotFound();
            // Whoever keeps a copy asks again each time, so that a revoked feed ends everywhere; the ETag makes asking cheap.
            http.Response.Headers.CacheControl = "private, no-cache";
            http.Response.Headers["X-Robots-Tag"] = "noindex";
            return Results.Bytes(document.Bytes, "text/calendar; charset=utf-8", entityTag: new EntityTagHeaderValue($"\"{document.Tag}\"", isWeak: true));
        });
}
