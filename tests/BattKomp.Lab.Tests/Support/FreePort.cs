using System.Net;
using System.Net.Sockets;

namespace BattKomp.Lab.Tests.Support;

/// <summary>Hands out a loopback TCP port that nothing listens on at the moment of the call.</summary>
public static class FreePort
{
    /// <summary>A free TCP port number; bind it soon, another process may take it.</summary>
    public static int Next()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
