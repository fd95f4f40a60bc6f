using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace BattKomp.Lab.Tests.Server.Notices;

/// <summary>What a mail server took.</summary>
internal sealed record TakenMail(string From, IReadOnlyList<string> To, string Data);

/// <summary>A mail server on loopback (RFC 5321, as far as a client that sends needs it) that refuses what a test tells it to.</summary>
internal sealed class SmtpPeer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;

    public SmtpPeer()
    {
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public ConcurrentQueue<TakenMail> Mails { get; } = new();

    /// <summary>Answer to a recipient; null = taken.</summary>
    public Func<string, string?> OnRecipient { get; set; } = _ => null;

    /// <summary>True: the line breaks after a mail was taken and before the client hears of it.</summary>
    public bool BreaksAfterData { get; set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await ServeAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            await using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.UTF8);
            await using var writer = new StreamWriter(stream, new UTF8Encoding(false)) { NewLine = "\r\n", AutoFlush = true };
            await writer.WriteLineAsync("220 peer ESMTP");
            var (from, to) = ("", new List<string>());
            while (await reader.ReadLineAsync(_stop.Token) is { } line)
            {
                var verb = line.Split(' ', ':')[0].ToUpperInvariant();
                if (verb == "QUIT")
                {
                    await writer.WriteLineAsync("221 bye");
                    return;
                }
                if (verb == "MAIL") (from, to) = (Address(line), []);
                var refused = verb == "RCPT" ? OnRecipient(Address(line)) : null;
                if (verb == "RCPT" && refused is null) to.Add(Address(line));
                if (verb == "DATA")
                {
                    await writer.WriteLineAsync("354 go on");
                    Mails.Enqueue(new TakenMail(from, [.. to], await DataAsync(reader)));
                    if (BreaksAfterData) return;
                }
                await writer.WriteLineAsync(refused ?? (verb == "EHLO" ? "250-peer\r\n250 8BITMIME" : "250 ok"));
            }
        }
        catch (IOException)
        {
            // The client hung up.
        }
    }

    private async Task<string> DataAsync(StreamReader reader)
    {
        var data = new StringBuilder();
        while (await reader.ReadLineAsync(_stop.Token) is { } line && line != ".")
            data.AppendLine(line.StartsWith("..", StringComparison.Ordinal) ? line[1..] : line);
        return data.ToString();
    }

    private static string Address(string line) => line.Split('<', '>')[1];
}
