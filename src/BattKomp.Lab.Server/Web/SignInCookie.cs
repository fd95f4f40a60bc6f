using BattKomp.Lab.Server.Platform.Access;

namespace BattKomp.Lab.Server.Web;

/// <summary>The cookie that carries a token: out of reach of scripts and of other sites, gone with the browser session.</summary>
internal static class SignInCookie
{
    public static void Set(HttpContext http, string token) => http.Response.Cookies.Append(CallerResolver.CookieName, token, Options(http));

    public static void Delete(HttpContext http) => http.Response.Cookies.Delete(CallerResolver.CookieName, Options(http));

    private static CookieOptions Options(HttpContext http) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        // The embedded default speaks cleartext on loopback, where a secure cookie would never come back.
        Secure = http.Request.IsHttps,
        Path = "/",
    };
}
