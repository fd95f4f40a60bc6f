using System.Net;
using System.Net.Sockets;
using BattKomp.Lab.Simulators.Hosting;
using BattKomp.Lab.Simulators.Instruments.Serial;
using BattKomp.Lab.Tests.Support;

namespace BattKomp.Lab.Tests.EdgeAgent.Transports;

/// <summary>The instrument's end of a line.</summary>
internal abstract class LinePeer : IDisposable
{
    /// <summary>What the agent opens; stays the same over every re-plug.</summary>
    public abstract string Address { get; }

    /// <summary>Sends bytes to whoever has the line open.</summary>
    public abstract void Send(byte[] bytes);

    /// <summary>Bytes that have come by now; waits a little for some.</summary>
    public abstract byte[] Receive();

    /// <summary>Pulls the plug.</summary>
    public abstract void HangUp();

    /// <summary>Plugs in again: another device or socket under the same address.</summary>
    public abstract void PlugIn();

    public abstract void Dispose();

    /// <summary>Receives until so many bytes have come.</summary>
    public byte[] Receive(int count)
    {
        var all = new List<byte>();
        SpinWait.SpinUntil(() =>
        {
            all.AddRange(Receive());
            return all.Count >= count;
        }, TimeSpan.FromSeconds(10));
        return [.. all];
    }
}

/// <summary>A pseudo-terminal behind a link, as /dev/serial/by-id gives to real adapters.</summary>
internal sealed class PtyPeer : LinePeer
{
    private readonly TempFolder _folder = new();
    private readonly DeviceLink _link;
    private PseudoTerminal? _line;

    public PtyPeer()
    {
        _link = new DeviceLink(_folder.File("usb-SIM-port0"));
        PlugIn();
    }

    public override string Address => _link.Path;

    public string Device => _line!.Path;

    public override void Send(byte[] bytes)
    {
        if (!_line!.Send(bytes))
            throw new IOException("the pseudo-terminal did not take the bytes");
    }

    public override byte[] Receive() => _line!.Receive(TimeSpan.FromMilliseconds(20), CancellationToken.None).Bytes;

    public override void HangUp()
    {
        _link.Remove();
        _line?.Dispose();
        _line = null;
    }

    public override void PlugIn()
    {
        _line = new PseudoTerminal();
        _link.PointTo(_line.Path);
    }

    /// <summary>The link names another device from now on, though the first has not hung up.</summary>
    public IDisposable PlugInBeside()
    {
        var before = _line!;
        PlugIn();
        return before;
    }

    public override void Dispose()
    {
        HangUp();
        _folder.Dispose();
    }
}

/// <summary>A device server: one client at a time.</summary>
internal sealed class TcpPeer : LinePeer
{
    private readonly int _port = FreePort.Next();
    private readonly byte[] _buffer = new byte[1 << 16];
    private TcpListener? _listener;
    private Socket? _client;

    public TcpPeer() => PlugIn();

    public override string Address => $"tcp://127.0.0.1:{_port}";

    private Socket Client
    {
        get
        {
            _client ??= _listener!.AcceptSocket();
            _client.ReceiveTimeout = 20;
            return _client;
        }
    }

    public override void Send(byte[] bytes) => Client.Send(bytes);

    public override byte[] Receive()
    {
        try
        {
            return _buffer[..Client.Receive(_buffer)];
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TimedOut or SocketError.WouldBlock)
        {
            return [];
        }
    }

    public override void HangUp()
    {
        if (_client is null && _listener is not null && _listener.Pending())
            _ = Client;
        _client?.Dispose();
        _listener?.Dispose();
        (_client, _listener) = (null, null);
    }

    public override void PlugIn()
    {
        _listener = new TcpListener(IPAddress.Loopback, _port);
        _listener.Start();
    }

    public override void Dispose() => HangUp();
}
