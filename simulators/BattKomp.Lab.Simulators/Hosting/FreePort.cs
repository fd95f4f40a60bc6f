using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace BattKomp.Lab.Simulators.Hosting;

/// <summary>
/// Hands out loopback TCP ports that nothing listens on. They lie below the ports that systems give to outgoing connections, or a client that connects
/// somewhere between the call and the bind could be sitting on one; within a process none is handed out twice.
/// </summary>
public static class FreePort
{
    private const int First = 20_000;
    private const int Count = 12_000;
    private static readonly ConcurrentDictionary<int, bool> Given = [];

    /// <summary>A free port. Bind it soon: another process may choose the same.</summary>
    /// <exception cref="InvalidOperationException">None of a thousand tried is free.</exception>
    public static int Next()
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var port = First + Random.Shared.Next(Count);
            if (Given.TryAdd(port, true) && IsFree(port))
                return port;
        }
        throw new InvalidOperationException($"No free loopback port was found between {First} and {First + Count - 1}.");
    }

    /// <summary>True when nothing listens there at the moment.</summary>
    public static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
