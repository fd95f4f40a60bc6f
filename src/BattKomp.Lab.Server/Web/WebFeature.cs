using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Features.Catalogue;
using BattKomp.Lab.Server.Features.Incidents;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Microsoft.AspNetCore.DataProtection;

namespace BattKomp.Lab.Server.Web;

/// <summary>The page: rendered here, no socket, no script of ours but one chart module.</summary>
public static class WebFeature
{
    // No inline script or style, nothing from elsewhere, no framing.
    private const string ContentSecurityPolicy =
        "default-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

    /// <summary>Components, antiforgery with its keys in the data folder, and the page's way to the handlers.</summary>
    public static IServiceCollection AddWeb(this IServiceCollection services, LabOptions options)
    {
        services.AddRazorComponents();
        services.AddDataProtection().SetApplicationName("battlab")
            .PersistKeysToFileSystem(new DirectoryInfo(Path.Combine(Path.GetFullPath(options.DataDirectory), "keys")));
        services.AddAntiforgery(a =>
        {
            a.Cookie.Name = "battlab_form";
            a.Cookie.SameSite = SameSiteMode.Strict;
        });
        services.AddHttpContextAccessor();
        services.AddSingleton<CallInterceptor>();
        services.AddSingleton<LabService.LabServiceBase>(p => p.GetRequiredService<LabServiceHandler>());
        services.AddSingleton<BookingService.BookingServiceBase>(p => p.GetRequiredService<BookingServiceHandler>());
        services.AddSingleton<RunService.RunServiceBase>(p => p.GetRequiredService<RunServiceHandler>());
        services.AddSingleton<IncidentService.IncidentServiceBase>(p => p.GetRequiredService<IncidentServiceHandler>());
        services.AddScoped<PageCalls>();
        services.AddScoped<HomeLoader>();
        return services.AddSingleton(Texts.English);
    }

    /// <summary>Headers, files and pages.</summary>
    public static void MapWeb(this WebApplication app)
    {
        app.Use((http, next) =>
        {
            // No browser reads the answer of a gRPC call.
            if (http.Request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true) return next(http);
            var headers = http.Response.Headers;
            headers.ContentSecurityPolicy = ContentSecurityPolicy;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "same-origin";
            // What one person saw must not come out of a shared machine's cache; files below set their own.
            headers.CacheControl = "no-store";
            return next(http);
        });
        app.UseStaticFiles(new StaticFileOptions { OnPrepareResponse = file => file.Context.Response.Headers.CacheControl = "no-cache" });
        app.UseAntiforgery();
        app.MapRazorComponents<Document>();
    }
}
