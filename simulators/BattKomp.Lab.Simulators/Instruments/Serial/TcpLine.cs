using System.Net;
using System.Net.Sockets;

namespace BattKomp.Lab.Simulators.Instruments.Serial;

/// <summary>
/// A serial line behind a device server (such as a Lantronix XPort): the raw bytes over TCP, one client at a time. A second
/// client is turned away at once.
/// </summary>
public sealed class TcpLine : ILine
{
    private readonly Socket _listener;
    private readonly byte[] _buffer = new byte[4096];
    private Socket? _client;

    /// <summary>Listens.</summary>
    /// <param name="at">Where; port 0 = any free one.</param>
    /// <exception cref="IOException">When the address cannot be had.</exception>
    public TcpLine(IPEndPoint at)
    {
        _listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(at);
            _listener.Listen(4);
        }
        catch (SocketException e)
        {
            _listener.Dispose();
            throw new IOException($"listen {at}: {e.Message}; name a free port, or 0 for any", e);
        }
        EndPoint = (IPEndPoint)_listener.LocalEndPoint!;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <inheritdoc/>
    public string Address => EndPoint.ToString();

    /// <inheritdoc/>
    public (bool Open, byte[] Bytes) Receive(TimeSpan wait, CancellationToken cancel)
    {
        try
        {
            if (_client is null && !_listener.Poll(wait, SelectMode.SelectRead)) return (false, []);
            while (_listener.Poll(TimeSpan.Zero, SelectMode.SelectRead)) Admit(_listener.Accept());
            return _client is null ? (false, []) : Read(_client, wait);
        }
        catch (SocketException)
        {
            Leave();
            return (false, []);
        }
    }

    /// <inheritdoc/>
    public bool Send(byte[] bytes)
    {
        try
        {
            return _client is not null && _client.Send(bytes) == bytes.Length;
        }
        catch (SocketException)
        {
            return false; // full, or gone: the next Receive sees which
        }
    }

    /// <inheritdoc/>
    public bool Forget() => true; // what a closed connection left unread is gone with it

    /// <summary>Ends the client's connection and stops listening.</summary>
    public void Dispose()
    {
        Leave();
        _listener.Dispose();
    }

    private void Admit(Socket caller)
    {
        if (_client is not null)
        {
            caller.Dispose();
            return;
        }
        caller.NoDelay = true;
        caller.Blocking = false;
        _client = caller;
    }

    private (bool Open, byte[] Bytes) Read(Socket client, TimeSpan wait)
    {
        if (!client.Poll(wait, SelectMode.SelectRead)) return (true, []);
        var count = client.Receive(_buffer);
        if (count > 0) return (true, _buffer[..count]);
        Leave();
        return (false, []);
    }

    private void Leave()
    {
        _client?.Dispose();
        _client = null;
    }
}
