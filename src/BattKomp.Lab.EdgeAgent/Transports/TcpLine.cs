using System.Net.Sockets;

namespace BattKomp.Lab.EdgeAgent.Transports;

/// <summary>A serial device behind a TCP port (a device server, or an instrument with a socket of its own): raw bytes both ways.</summary>
public sealed class TcpLine : PipedLine
{
    private const string Scheme = "tcp://";
    private const int ReadBytes = 4096;
    private const int UnreadBytes = 1 << 20;
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(5);
    private readonly Socket _socket;

    private TcpLine(Socket socket, string address)
        : base(address, bound: UnreadBytes, bytesPerSecond: 100_000) => _socket = socket;

    /// <summary>True for tcp://….</summary>
    public static bool IsAddress(string device) => device.StartsWith(Scheme, StringComparison.Ordinal);

    /// <summary>Connects, within 5 s, and starts the reader.</summary>
    /// <exception cref="IOException">Nobody answers there, or the address is not tcp://host:port.</exception>
    public static TcpLine Open(string address)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme != "tcp" || uri.Port <= 0)
            throw new IOException($"{address} is not an address like tcp://10.0.0.7:10001.");
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // A device server that lost its power says nothing: probes find that out within about 12 s.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 2);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            if (!socket.ConnectAsync(uri.Host, uri.Port).Wait(ConnectPatience))
                throw new IOException($"no answer within {ConnectPatience.TotalSeconds} s");
        }
        catch (Exception e) when (e is SocketException or AggregateException or IOException)
        {
            socket.Dispose();
            throw new IOException($"{address} cannot be opened: {(e as AggregateException)?.InnerException?.Message ?? e.Message}", e);
        }
        var line = new TcpLine(socket, address);
        _ = Task.Run(line.ReadForeverAsync);
        return line;
    }

    /// <inheritdoc/>
    protected override async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await _socket.SendAsync(bytes, SocketFlags.None, CancellationToken.None)..];
    }

    /// <inheritdoc/>
    protected override void Release() => _socket.Dispose();

    private async Task ReadForeverAsync()
    {
        var buffer = new byte[ReadBytes];
        try
        {
            while (!Broken)
            {
                var read = await _socket.ReceiveAsync(buffer, SocketFlags.None, CancellationToken.None);
                if (read == 0)
                    throw new IOException("the peer closed the connection");
                await Deliver(buffer.AsSpan(0, read));
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            Break(e);
        }
    }
}
