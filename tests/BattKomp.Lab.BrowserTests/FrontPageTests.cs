using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.Playwright;
using Xunit;

namespace BattKomp.Lab.BrowserTests;

public sealed class FrontPageTests(Chromium chromium)
{
    [Theory]
    [InlineData(1280)]
    [InlineData(320)]
    public async Task Signed_out_there_is_a_form_and_nothing_else_to_see(int width)
    {
        await using var lab = await TestLab.StartAsync();
        var page = await chromium.PageAsync(lab.Http, width);
        var complaints = page.Complaints();

        var response = await page.GotoAsync("/");

        Assert.Contains("default-src 'self'", response!.Headers["content-security-policy"]);
        Assert.Contains("no-store", response.Headers["cache-control"]);
        Assert.Equal("en", await page.Locator("html").GetAttributeAsync("lang"));
        Assert.True(await page.GetByLabel("Access token").IsVisibleAsync());
        Assert.DoesNotContain("rigs/", await page.ContentAsync());
        await page.PictureAsync($"signed-out-{width}");
        await page.HoldsUpAsync(complaints);
    }

    [Fact]
    public async Task A_token_that_nobody_issued_is_refused_beside_its_field()
    {
        await using var lab = await TestLab.StartAsync();
        var page = await chromium.PageAsync(lab.Http);
        var complaints = page.Complaints();
        await page.GotoAsync("/");

        await page.GetByLabel("Access token").FillAsync("made-up");
        await page.Keyboard.PressAsync("Enter");

        await page.GetByRole(AriaRole.Alert).WaitForAsync();
        Assert.Contains("Nobody here has issued that token", await page.GetByRole(AriaRole.Alert).InnerTextAsync());
        Assert.Equal("true", await page.GetByLabel("Access token").GetAttributeAsync("aria-invalid"));
        Assert.DoesNotContain(await page.Context.CookiesAsync(), c => c.Name == "battlab_token");
        await page.HoldsUpAsync(complaints);
    }

    [Theory]
    [InlineData(1280)]
    [InlineData(320)]
    public async Task Signed_in_it_shows_rigs_and_todays_bookings_as_far_as_one_may_see_them(int width)
    {
        await using var lab = await TestLab.StartAsync(time: new Morning());
        await lab.BookAsync(TestSeed.Teacher, 1, 2, "Vg2 learns to cycle");
        await lab.BookAsync(TestSeed.IndustryEngineer, 2, 4, "Secret chemistry", VisibilityKind.Confidential);
        await lab.BookAsync(TestSeed.DoctoralStudent, 3, 40, "Another day");
        var page = await chromium.PageAsync(lab.Http, width);
        var complaints = page.Complaints();

        await page.SignInAsync(TestSeed.Teacher);

        var text = await page.Locator("body").InnerTextAsync();
        Assert.Contains("The teacher", text);
        Assert.Contains(TestSeed.EbcChannel, text);
        Assert.Contains("Simulated", text);
        // Eleven in Oslo, where the lab is, is ten in UTC.
        Assert.Matches(@"11:00\s+to\s+13:00\s+Vg2 learns to cycle", text);
        Assert.Matches(@"13:00\s+to\s+15:00\s+Busy", text);
        Assert.DoesNotContain("Secret chemistry", await page.ContentAsync());
        Assert.DoesNotContain("Another day", text);
        await page.PictureAsync($"signed-in-{width}");
        await page.HoldsUpAsync(complaints);
    }

    [Fact]
    public async Task The_cookie_is_out_of_reach_of_scripts_and_other_sites_and_goes_at_sign_out()
    {
        await using var lab = await TestLab.StartAsync();
        var page = await chromium.PageAsync(lab.Http);
        await page.SignInAsync(TestSeed.Teacher);

        var cookie = Assert.Single(await page.Context.CookiesAsync(), c => c.Name == "battlab_token");
        Assert.True(cookie.HttpOnly);
        Assert.Equal(SameSiteAttribute.Strict, cookie.SameSite);

        await page.GetByRole(AriaRole.Button, new() { Name = "Sign out" }).ClickAsync();
        await page.GetByLabel("Access token").WaitForAsync();
        Assert.DoesNotContain(await page.Context.CookiesAsync(), c => c.Name == "battlab_token");
    }

    [Fact]
    public async Task Ones_own_booking_can_be_cancelled_after_asking()
    {
        await using var lab = await TestLab.StartAsync(time: new Morning());
        var booking = await lab.BookAsync(TestSeed.Teacher, 1, 2, "Vg2 learns to cycle");
        var page = await chromium.PageAsync(lab.Http);
        var complaints = page.Complaints();
        await page.SignInAsync(TestSeed.Teacher);

        await page.GetByRole(AriaRole.Link, new() { Name = "Cancel booking Vg2 learns to cycle" }).ClickAsync();
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel booking" }).WaitForAsync();
        await page.HoldsUpAsync(complaints);
        await page.GetByLabel("Reason").FillAsync("The class is ill");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel booking" }).ClickAsync();

        await page.GetByText("The booking is cancelled; its time is free.").WaitForAsync();
        var now = await new BookingService.BookingServiceClient(lab.As(TestSeed.Teacher)).GetBookingAsync(new GetBookingRequest { Name = booking.Name }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(BookingState.Cancelled, now.State);
        await page.HoldsUpAsync(complaints);
    }

    [Fact]
    public async Task A_refusal_is_the_same_sentence_as_over_the_wire()
    {
        await using var lab = await TestLab.StartAsync(time: new Morning());
        var booking = await lab.BookAsync(TestSeed.Teacher, 1, 2, "Vg2 learns to cycle");
        var wire = Assert.Throws<RpcException>(() => new BookingService.BookingServiceClient(lab.As(TestSeed.DoctoralStudent)).CancelBooking(new CancelBookingRequest { Name = booking.Name }, cancellationToken: TestContext.Current.CancellationToken));
        var page = await chromium.PageAsync(lab.Http);
        await page.SignInAsync(TestSeed.DoctoralStudent);
        Assert.Equal(0, await page.GetByRole(AriaRole.Link, new() { Name = "Cancel booking" }).CountAsync());

        await page.GotoAsync($"/cancel?booking={booking.Name}");
        await page.GetByRole(AriaRole.Button, new() { Name = "Cancel booking" }).ClickAsync();

        Assert.Contains(wire.Status.Detail, await page.GetByRole(AriaRole.Alert).InnerTextAsync());
    }

    [Fact]
    public async Task A_form_without_its_antiforgery_token_does_nothing()
    {
        await using var lab = await TestLab.StartAsync();
        using var http = lab.HttpAs("");

        using var response = await http.PostAsync("/", new FormUrlEncodedContent([new("_handler", "sign-in"), new("Token", TestSeed.Teacher)]), TestContext.Current.CancellationToken);

        Assert.Equal(System.Net.HttpStatusCode.BadRequest, response.StatusCode);
        Assert.False(response.Headers.Contains("Set-Cookie"));
    }
}
