using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>Where webhooks may go. The server stands inside the lab's network and must not be made to knock on doors there.</summary>
public static class WebhookAddress
{
    private const int Longest = 500;

    /// <summary>What is wrong with an address, as a person would be told; null = nothing.</summary>
    public static string? Problem(string url, bool privateToo)
    {
        if (url.Length > Longest) return $"is {url.Length} characters long; at most {Longest}.";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http")) return "is not an address like https://example.no/hook.";
        if (uri.UserInfo.Length > 0) return "holds a user or password; the signature of each delivery is what proves its sender.";
        if (privateToo) return null;
        if (uri.Scheme != "https") return "must begin with https://.";
        return uri.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6 && !IsPublic(IPAddress.Parse(uri.Host.Trim('[', ']')))
            ? "is an address inside a network; name a public host."
            : null;
    }

    /// <summary>False for addresses of this machine, of networks without a public number, and for those that reach many.</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (IPAddress.IsLoopback(address)) return false;
        var bytes = address.GetAddressBytes();
        if (address.AddressFamily == AddressFamily.InterNetworkV6)
            return !address.IsIPv6LinkLocal && !address.IsIPv6Multicast && !address.IsIPv6SiteLocal && !address.IsIPv6UniqueLocal && !address.Equals(IPAddress.IPv6Any)
                // 64:ff9b::/96 and 2002::/16 carry IPv4 addresses inside.
                && !(bytes[0] == 0x00 && bytes[1] == 0x64) && !(bytes[0] == 0x20 && bytes[1] == 0x02);
        return bytes[0] switch
        {
            0 or 10 or >= 224 => false,
            100 => bytes[1] is < 64 or > 127,
            169 => bytes[1] != 254,
            172 => bytes[1] is < 16 or > 31,
            192 => bytes[1] != 168 && !(bytes[1] == 0 && bytes[2] is 0 or 2),
            198 => bytes[1] is not (18 or 19),
            _ => true,
        };
    }

    /// <summary>Connects to the first public address that a name has now: a name that was public when it was given may not be any more.</summary>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, bool privateToo, CancellationToken cancel)
    {
        var found = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, cancel);
        var allowed = found.Where(a => privateToo || IsPublic(a)).ToArray();
        if (allowed.Length == 0) throw new IOException($"{context.DnsEndPoint.Host} has no public address.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, context.DnsEndPoint.Port, cancel);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>Signs deliveries as Standard Webhooks 1.0 does.</summary>
internal static class WebhookSignature
{
    private const string Prefix = "whsec_";

    /// <summary>The secret as its owner gets it.</summary>
    internal static string Tell(byte[] secret) => Prefix + Convert.ToBase64String(secret);

    /// <summary>The webhook-signature header: HMAC-SHA256 over id, time and body.</summary>
    internal static string Of(byte[] secret, string id, long unixSeconds, byte[] body)
    {
        var head = Encoding.UTF8.GetBytes($"{id}.{unixSeconds}.");
        return "v1," + Convert.ToBase64String(HMACSHA256.HashData(secret, (byte[])[.. head, .. body]));
    }
}
